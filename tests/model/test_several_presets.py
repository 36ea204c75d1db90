"""The report's heads with several findings and ordered grades, on tiny networks."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

keras = pytest.importorskip("keras")
pytest.importorskip("tensorflow")

from spinealign.cli.main import _parser
from spinealign.domain.errors import DataSetError, ModelError
from spinealign.domain.model_card import ModelCard
from spinealign.imaging.read import read_image
from spinealign.inference.catalog import ModelStore
from spinealign.predict import grade_with, label_with, network_input
from spinealign.training.classifier import ClassifierRecipe, assemble, stepped_head
from spinealign.training.keras_engine import build, open_keras
from spinealign.training.own import frugal, grades_jobs, heads, labels_jobs
from spinealign.training.own.aims import Aim, is_learnable, shares_beyond, weights_of
from spinealign.training.own.crossing import _Crossing
from spinealign.training.own.grades import train_grades
from spinealign.training.own.labels import train_labels
from spinealign.training.own.packaging import _require_one_answer
from spinealign.training.own.pictures import Picture
from spinealign.training.schedules import RateRule
from tests.model.test_own_training import CutError, cut_after
from tests.model.test_several_training import GRADES, graded, job, label_list

pytestmark = [
    pytest.mark.train,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]
TINY_PLAIN = {"input_shape": [32, 32, 3], "filters": [2, 3, 4], "hidden": 6}
NAN = float("nan")


def stepped(tmp_path, data, names, head, **changes):
    """A training by steps that takes a second."""
    made = job(tmp_path, data, names)
    rule = replace(made.recipe.rule, channels="rgb_unit" if head == "plain-cnn" else "vgg_caffe")
    arguments = TINY_PLAIN if head == "plain-cnn" else {**made.recipe.arguments, "hidden": 6}
    falling = RateRule("exponential", decay=0.7, every=1)
    recipe = replace(
        made.recipe, head=head, rule=rule, arguments=arguments, epochs=3, batch=8, folds=2,
        copies=0, save_every=1, learning_rate=0.01, rate_rule=falling,
    )  # fmt: skip
    imagenet = None if head == "plain-cnn" else made.imagenet
    return replace(made, recipe=replace(recipe, **changes), imagenet=imagenet)


TASKS = {
    "labels": (train_labels, label_list, ("bright", "odd"), label_with),
    "grades": (train_grades, graded, GRADES, grade_with),
}


@pytest.mark.parametrize(("task", "head"), [("labels", "report"), ("grades", "plain-cnn")])
def test_a_killed_training_goes_on_alike_and_ships_what_it_learned(
    tmp_path, monkeypatch, task, head
):
    train, make, names, answer = TASKS[task]
    data = make(tmp_path)
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    whole = stepped(tmp_path / "a", data, names, head)
    cut = stepped(tmp_path / "b", data, names, head)
    card = train(whole)
    cut_after(monkeypatch, 2)  # within the first fold
    with pytest.raises(CutError):
        train(cut)
    monkeypatch.undo()
    again = train(cut)
    first, second = (
        json.loads((tmp_path / part / "work" / "results" / "history.json").read_text())
        for part in "ab"
    )
    assert list(first) == ["fold 1", "fold 2", "final"]
    for part, curve in first.items():
        for one, other in zip(curve, second[part], strict=True):
            assert one == pytest.approx(other, rel=1e-4), part
    rates = [row["learning_rate"] for row in first["final"]]
    assert rates == pytest.approx([0.01, 0.007, 0.0049][: len(rates)])
    assert not list((tmp_path / "b" / "work").rglob(heads.BEGIN))

    outputs = len(names) if task == "labels" else len(names) - 1
    builder = {"report": "vgg16_report_several", "plain-cnn": "plain_cnn_several"}[head]
    assert (card.architecture["name"], card.architecture["arguments"]["outputs"]) == (
        builder, outputs,
    )  # fmt: skip
    assert ModelCard.from_json(card.to_json()) == card
    assert ("ImageNet" in card.training_data) == (head == "report")
    assert any("no heat map" in failure for failure in card.known_failures)
    assert card.training["recipe"].endswith(f"--head {head}")
    assert (card.training["balance"], card.training["learning_rate"]) == ("none", 0.01)
    assert "regularisation" not in card.training
    assert set(again.metrics) == set(card.metrics) == {"cross_validation", "held_out"}

    # Kept in Keras, opened in Keras by the card, and converted: the same answers.
    image = read_image(data.parent / "p1.png")
    model = ModelStore([tmp_path / "a" / "models"]).load("mine")
    batch = network_input(image, card)[0]
    saved = keras.models.load_model(tmp_path / "a" / "work" / "results" / "model.keras")
    expected = np.asarray(saved(batch, training=False))
    assert expected.shape == (1, outputs)
    weights = tmp_path / "a" / "models" / "mine" / "model.tflite"
    for found in (model.run(batch), open_keras(weights, card).run(batch)):
        assert list(found) == ["logits"]
        assert found["logits"] == pytest.approx(expected, abs=0.02)
    assert answer(model, image).heatmap is None
    with pytest.raises(ModelError, match="multi-label"):
        _require_one_answer(saved, weights)


def tiny(kind, outputs, head="report"):
    arguments = TINY_PLAIN if head == "plain-cnn" else {"hidden": 5}
    recipe = ClassifierRecipe(head=head, arguments=arguments, learning_rate=0.02, balance="none")
    shape = (32, 32, 3) if head == "plain-cnn" else (2, 2, 3)
    made = stepped_head(recipe, shape, kind, outputs)
    made.optimizer.build(made.trainable_variables)
    return recipe, made, shape


def test_an_unknown_finding_moves_no_weight():
    """Neither its own answer nor, through it, the layers that all findings share."""
    made = {}
    for third in (0.0, 1.0):
        _, head, shape = tiny("labels", 2)
        pictures = np.random.default_rng(0).random((3, *shape)).astype(np.float32)
        targets = np.array([[1, 0], [0, 1], [1, NAN]], float)
        weights = weights_of(targets, "labels", "none")
        told = np.where(np.isnan(targets), third, targets)
        for _ in range(3):
            head.train_on_batch(pictures, told, sample_weight=weights)
        made[third] = [np.array(v) for v in head.trainable_variables]
    for one, other in zip(made[0.0], made[1.0], strict=True):
        assert np.array_equal(one, other)
    assert weights_of(targets, "labels", "none").tolist() == [[1, 1], [1, 1], [1, 0]]


@pytest.mark.parametrize(("kind", "outputs"), [("labels", 3), ("grades", 3)])
def test_steps_of_little_memory_are_keras_own_steps_with_several_answers(kind, outputs):
    (_, usual, shape), (_, thrifty, _) = (tiny(kind, outputs, "plain-cnn") for _ in range(2))
    steps = frugal.FrugalSteps(thrifty)
    rng = np.random.default_rng(0)
    for _ in range(2):
        pictures = rng.random((5, *shape)).astype(np.float32)
        targets = (rng.random((5, outputs)) > 0.5).astype(np.float32)
        weights = rng.uniform(0, 2, (5, outputs))
        loss = usual.train_on_batch(pictures, targets, sample_weight=weights)
        assert steps.train(pictures, targets, weights) == pytest.approx(float(loss), rel=1e-5)
    for one, other in zip(usual.variables, thrifty.variables, strict=True):
        assert np.array(other, float) == pytest.approx(np.array(one, float), abs=1e-5)
    assert steps.ask(pictures) == pytest.approx(usual.predict_on_batch(pictures), abs=1e-4)


def test_steps_between_grades_never_cross_and_begin_where_the_grades_are():
    _, head, shape = tiny("grades", 3)
    targets = np.repeat([[0, 0, 0], [1, 0, 0], [1, 1, 0], [1, 1, 1]], (10, 40, 20, 30), axis=0)
    shares = shares_beyond(targets.astype(float), "none")
    assert shares == pytest.approx([0.9, 0.5, 0.3], abs=0.01)
    steps = head.get_layer("steps")
    steps.begin_at(shares)
    begun = np.array(steps.biases())
    assert 1 / (1 + np.exp(-begun)) == pytest.approx(shares, abs=1e-5)
    rng = np.random.default_rng(0)
    pictures = rng.random((8, *shape)).astype(np.float32)
    turned = np.tile([[0.0, 1.0, 1.0]], (8, 1)).astype(np.float32)  # asks for what cannot be
    for _ in range(30):
        head.train_on_batch(pictures, turned, sample_weight=np.ones((8, 3)))
    found = np.array(steps.biases())
    assert (np.diff(found) < 0).all()
    assert not np.allclose(found, begun)
    logits = np.array(head.predict_on_batch(pictures))
    assert (np.diff(logits, axis=1) < 0).all()


def test_balanced_grades_begin_alike():
    targets = np.repeat([[0.0, 0.0], [1, 0], [1, 1]], (20, 5, 5), axis=0)
    assert shares_beyond(targets, "weights") == pytest.approx([2 / 3, 1 / 3], abs=0.02)
    weights = weights_of(targets, "grades", "weights")
    assert [weights[targets.sum(axis=1) == k].sum() for k in range(3)] == pytest.approx([20] * 3)


def test_each_finding_has_a_balance_of_its_own():
    targets = np.array([[1, 0], [0, 0], [0, 1], [0, NAN], [0, NAN]])
    weights = weights_of(targets, "labels", "weights")
    for place in range(2):
        present, absent = (weights[targets[:, place] == value, place].sum() for value in (1, 0))
        assert present == pytest.approx(absent)
    assert not weights[3:, 1].any()
    # What is shown more often does not weigh more as well.
    assert weights_of(targets, "labels", "oversample").tolist() == [
        [1, 1], [1, 1], [1, 1], [1, 0], [1, 0],
    ]  # fmt: skip


class Features:
    """Three features of each picture, no copies."""

    per_picture = 1
    shape = (3,)

    def __init__(self, count):
        self._values = np.random.default_rng(0).normal(size=(count, 3)).astype(np.float32)

    def values(self, rows):
        return self._values[rows]


def crossing(targets, recipe, folder=None, kind="labels"):
    """Each picture one patient; its class is whether it has the last finding."""
    pictures = [
        Picture(None, f"{n}", "odd" if row[-1] == 1 else "other", patient=f"{n}")
        for n, row in enumerate(targets)
    ]
    names = ("even", "odd") if kind == "labels" else ("low", "middle", "high")
    aim = Aim(kind, names, {f"{n}": row for n, row in enumerate(targets)})
    return _Crossing(pictures, aim, recipe, Features(len(pictures)), folder, heads.Board(None))


@pytest.mark.parametrize("kind", ["labels", "grades"])
def test_what_is_easy_is_learned_by_steps(tmp_path, kind):
    """The first feature tells the one answer, the second the other; or one of them the grade."""
    values = Features(40)._values
    first, second = (
        values[:, 0] > 0,
        values[:, 1 if kind == "labels" else 0] > 1 * (kind != "labels"),
    )
    targets = np.stack([first, second], axis=1).astype(float)
    recipe = ClassifierRecipe(
        head="report", epochs=60, patience=60, save_every=99, balance="weights",
        learning_rate=0.02, arguments={"hidden": 12},
    )  # fmt: skip
    made = crossing([tuple(row) for row in targets], recipe, tmp_path, kind)
    held = {f"{n}" for n in range(12)}
    fold = made.fold(1, held, 2)
    told = np.array([fold.logits[f"{n}"] for n in range(12)])
    assert ((told > 0) == (targets[:12] == 1)).mean() > 0.9
    assert fold.curve[-1]["validation_loss"] < 0.6 * fold.curve[0]["validation_loss"]


def test_a_fold_begins_with_nothing_of_the_one_before(tmp_path):
    recipe = ClassifierRecipe(head="report", epochs=2, arguments={"hidden": 3}, learning_rate=0.05)
    grades = [(float(n % 3 > 0), float(n % 3 > 1)) for n in range(12)]
    both = crossing(grades, recipe, tmp_path / "both", "grades")
    both.fold(1, {"0", "1", "2"}, 2)
    alone = crossing(grades, recipe, tmp_path / "alone", "grades")
    for part in ("both", "alone"):
        (tmp_path / part).mkdir(exist_ok=True)
    second, only = (made.fold(2, {"3", "4", "5"}, 2) for made in (both, alone))
    for one, other in zip(second.curve, only.curve, strict=True):
        assert one == pytest.approx(other, rel=1e-5)
    assert second.logits["3"] == pytest.approx(only.logits["3"], rel=1e-4)


def test_oversampling_shows_rare_findings_more_often():
    made = crossing([(1, 0)] * 6 + [(0, 1)] * 2, ClassifierRecipe(balance="oversample"))
    rows = made._rows({f"{n}" for n in range(8)}, with_copies=True)
    assert rows.targets.sum(axis=0).tolist() == [6, 6]
    held = made._rows({f"{n}" for n in range(8)}, with_copies=False)
    assert held.targets.sum(axis=0).tolist() == [6, 2]


@pytest.mark.parametrize("head", ["lean", "report"])
def test_a_fold_that_learns_nothing_of_a_finding_does_not_answer_for_it(tmp_path, head):
    recipe = ClassifierRecipe(
        head=head, epochs=1, balance="none", arguments={"hidden": 2}, inverse_regularisation=1.0
    )
    made = crossing([(n % 2, NAN) for n in range(8)] + [(1, 1), (0, 0)], recipe, tmp_path)
    fold = made.fold(1, {"8", "0"}, 2)
    assert set(fold.logits) == {"8", "0"}
    assert all(np.isfinite(row[0]) and np.isnan(row[1]) for row in fold.logits.values())
    # Read back as it was told.
    again = made.fold(1, {"8", "0"}, 2)
    assert np.array_equal(list(again.logits.values()), list(fold.logits.values()), equal_nan=True)


def test_nobody_stops_a_training_whose_patients_are_needed_to_learn_from(tmp_path):
    recipe = ClassifierRecipe(head="report")
    enough = crossing([(n % 2, n // 4 % 2) for n in range(40)], recipe)
    assert 0 < len(enough._inner(enough.pictures)) < 20
    rare = crossing([(n % 2, 0) for n in range(39)] + [(0, 1)], recipe)
    for seed in range(12):  # whoever is drawn, the only picture with a finding stays
        made = replace(rare, recipe=replace(recipe, seed=seed))
        assert "39" not in made._inner(made.pictures)
    targets = np.array([[1, NAN], [0, 1.0]])
    assert is_learnable(targets).tolist() == [True, False]


@pytest.mark.parametrize("kind", ["labels", "grades"])
def test_the_reports_network_has_its_parameters_whatever_it_answers(kind):
    made = ClassifierRecipe(head="report").architecture(4)
    assert made == {"name": "vgg16_report_several", "arguments": {"outputs": 4}}
    small = {"input_shape": (32, 32, 3), "blocks": ((1, 4),), "hidden": 5}
    one = build({"name": "vgg16_report", "arguments": small})
    four = build({"name": "vgg16_report_several", "arguments": {**small, "outputs": 4}})
    assert four.count_params() == one.count_params() + 3 * (5 + 1)
    recipe = ClassifierRecipe(head="report", arguments=small)
    base = keras.Model(one.inputs, one.get_layer("block1_pool").output)
    head = stepped_head(recipe, (16, 16, 4), kind, 4)
    if kind == "grades":
        head.get_layer("steps").begin_at(np.array([0.8, 0.6, 0.4, 0.2]))
    whole = assemble(base, head, recipe, kind)
    pictures = np.random.default_rng(0).random((2, 32, 32, 3)).astype(np.float32)
    expected = np.asarray(head(base(pictures), training=False))
    assert np.asarray(whole(pictures, training=False)) == pytest.approx(expected, abs=1e-5)


def test_lean_heads_take_no_steps(tmp_path):
    wanted = job(tmp_path, label_list(tmp_path), ("bright",))
    with pytest.raises(DataSetError, match="--steps"):
        train_labels(replace(wanted, recipe=replace(wanted.recipe, steps=5)))
    with pytest.raises(DataSetError, match="--imagenet"):
        train_labels(replace(wanted, imagenet=None))


def test_presets_are_chosen_on_the_command_line_and_in_a_recipe(tmp_path):
    pytest.importorskip("yaml")
    from spinealign.training.own.recipe_file import read_recipe

    place = ["--work", "w", "--out", "m"]
    said = ["--head", "plain-cnn", "--epochs", "9", "--schedule", "cosine", "--balance", "weights"]
    words = ["train", "multi-label", "d.csv", *said, *place]
    found = labels_jobs.job_by_options(_parser().parse_args(words)).recipe
    assert (found.head, found.epochs, found.balance, found.batch) == ("plain-cnn", 9, "weights", 8)
    assert (found.rule.channels, found.rate_rule.schedule) == ("rgb_unit", "cosine")
    words = ["train", "ordinal", "d", "--grades", "1", "2", "3", "--imagenet", "v.npz", *place]
    found = grades_jobs.job_by_options(_parser().parse_args(words)).recipe
    assert (found.head, found.balance) == ("lean", "none")
    text = (
        "task: ordinal\ndata: {path: d, grades: ['3', '1', '2']}\nwork: w\nout: m\n"
        "preset: report\nimagenet: v.npz\nbalance: oversample\n"
        "preprocessing: {region: mr_segmentation}\n"
        "training: {epochs: 7, schedule: plateau, patience: 3, learning_rate: 0.01}\n"
    )
    (tmp_path / "g.yaml").write_text(text)
    found = grades_jobs.job_by_recipe(read_recipe(tmp_path / "g.yaml")).recipe
    assert (found.head, found.epochs, found.balance) == ("report", 7, "oversample")
    assert (found.rate_rule.schedule, found.patience) == ("plateau", 3)
    assert found.region.model == "mr_segmentation"
    (tmp_path / "l.yaml").write_text(
        "task: multi-label\ndata: {path: d}\nwork: w\nout: m\npreset: plain-cnn\n"
    )
    found = labels_jobs.job_by_recipe(read_recipe(tmp_path / "l.yaml")).recipe
    assert (found.head, found.balance) == ("plain-cnn", "none")
