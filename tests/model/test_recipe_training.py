"""A YAML file becomes the training it describes, on tiny networks; needs TensorFlow."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

keras = pytest.importorskip("keras")
pytest.importorskip("tensorflow")
pytest.importorskip("yaml")

from spinealign.cli.main import _parser
from spinealign.domain.errors import DataSetError
from spinealign.domain.model_card import IntensityRule, RegionRule
from spinealign.imaging.read import read_image
from spinealign.inference.catalog import ModelStore
from spinealign.predict import classify_with
from spinealign.training import augment, commands
from spinealign.training.classifier import ClassifierRecipe, logistic_head, stepped_head
from spinealign.training.dataset import LabelledSlice
from spinealign.training.own import classifier_jobs, classify, features
from spinealign.training.own import commands as own_commands
from spinealign.training.own.aims import weights_of
from spinealign.training.own.classifier_jobs import job_by_recipe as classifier_job
from spinealign.training.own.looking import LookedAt
from spinealign.training.own.pictures import Picture, list_pictures
from spinealign.training.own.recipe_file import read_recipe
from spinealign.training.own.rows import Rows, oversampled
from spinealign.training.own.segment import OwnPatches
from spinealign.training.own.segmentation_jobs import job_by_recipe as outline_job
from spinealign.training.schedules import RateRule
from tests.core.test_region import models as region_models
from tests.examinations import SPINE_MR
from tests.model.test_own_training import BY_NAME
from tests.own_data import two_classes

pytestmark = [
    pytest.mark.train,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]
CLASSIFIER = f"""\
task: classifier
data: {{path: data, positive: narrow, patient_pattern: '{BY_NAME}', held_out: 0.2}}
work: work
out: models/mine
preset: report
imagenet: imagenet.npz
preprocessing: {{size: 96, percentiles: [1, 99], denoise: median, clahe: 3}}
augmentation: {{copies: 1, rotation_deg: 5, zoom: [1, 1], shift: 0, shear: 0, noise: 0.1}}
balance: oversample
training: {{folds: 2, epochs: 2, batch: 4, learning_rate: 1e-3, patience: 4,
  schedule: plateau, warm_up: 1, decay: 0.2, decay_every: 3}}
seed: 11
card: {{title: T, examination: spine-mr, source: S, licence: L, intended_use: I}}
although: a trial
"""
OUTLINES = """\
task: segmentation
data: {path: data, classes: [background, disc], most_broken: 0.3}
work: work
out: models/mine
preprocessing: {size: 128, clahe: 0}
augmentation: {rotation_deg: 0, zoom: [1, 1], shift: 0, shear: 0, brightness: 0, contrast: 0,
  noise: 0, flip: true}
training: {epochs: 5, learning_rate: 2e-4}
card: {examination: spine-mr}
"""


def file(tmp_path, text):
    (tmp_path / "r.yaml").write_text(text)
    return read_recipe(tmp_path / "r.yaml")


def test_every_key_of_a_classifier_reaches_its_job(tmp_path):
    told = file(tmp_path, CLASSIFIER)
    job = classifier_job(told)
    recipe = job.recipe
    assert (job.data, job.work, job.out) == (
        tmp_path / "data", tmp_path / "work", tmp_path / "models" / "mine",
    )  # fmt: skip
    assert (job.positive, job.pattern, job.held_out) == ("narrow", BY_NAME, "0.2")
    assert job.imagenet == tmp_path / "imagenet.npz"
    assert (recipe.head, recipe.input_shape, recipe.balance) == ("report", (96, 96), "oversample")
    assert recipe.rule == IntensityRule(
        percentiles=(1, 99), denoise="median", clahe_clip_limit=3, channels="vgg_caffe"
    )
    assert (recipe.folds, recipe.epochs, recipe.batch, recipe.patience) == (2, 2, 4, 4)
    assert (recipe.learning_rate, recipe.seed, recipe.copies) == (1e-3, 11, 1)
    assert recipe.rate_rule == RateRule("plateau", 1, 0.2, 3)
    assert (recipe.geometry.rotation_deg, recipe.geometry.flip) == (5, False)
    assert recipe.exposure == augment.Exposure(0.15, 0.25, 0.1)
    assert recipe.file == told.sha256
    said = job.stated
    assert (said.title, said.source, said.licence, said.intended_use, said.although) == (
        "T", "S", "L", "I", "a trial",
    )  # fmt: skip
    assert said.examination is SPINE_MR


def test_every_key_of_a_segmentation_reaches_its_job(tmp_path):
    told = file(tmp_path, OUTLINES)
    job = outline_job(told)
    assert (job.classes, job.most_broken) == (("background", "disc"), 0.3)
    recipe = job.recipe
    assert (recipe.input_px, recipe.crop, recipe.epochs) == (128, (128, 128), 5)
    assert (recipe.learning_rate, recipe.varies_contrast) == (2e-4, True)
    assert recipe.rule.clahe_clip_limit == 0
    assert recipe.rule.percentiles == (0.5, 99.5)
    assert recipe.file == told.sha256
    assert outline_job(file(tmp_path, OUTLINES.replace(", clahe: 0", ""))).recipe.rule == replace(
        recipe.rule, clahe_clip_limit=2.0
    )


def test_the_file_is_trained_and_the_card_says_what_was_done(tmp_path, monkeypatch):
    """Without the training itself, which costs half a minute and is tried elsewhere."""
    asked = []

    def train(job):
        asked.append(job)
        found = list_pictures(two_classes(tmp_path / "data", patients=2), BY_NAME)
        held = found.where(lambda p: False)
        return classify._card(job, LookedAt(found, (), frozenset()), found, held, 1.0, True)

    monkeypatch.setattr(classifier_jobs, "train_classifier", train)
    (tmp_path / "r.yaml").write_text(CLASSIFIER)
    options = _parser().parse_args(["train", "recipe", str(tmp_path / "r.yaml")])
    card = own_commands.by_recipe(options)
    told = read_recipe(tmp_path / "r.yaml")
    assert asked == [classifier_job(told)]
    assert options.out == tmp_path / "models" / "mine"
    assert commands.results_of(options) == tmp_path / "work" / "results"
    assert card.intensity.denoise == "median"
    assert card.input_shape == (96, 96)
    assert card.training["balance"] == "oversample"
    assert card.training["learning_rate"] == 1e-3
    assert card.training["schedule"] == {
        "schedule": "plateau", "warm_up": 1, "decay": 0.2, "every": 3,
    }  # fmt: skip
    assert card.training["augmentation"]["grey_values"]["noise"] == 0.1
    assert card.training["augmentation"]["geometry"]["flip"] is False
    assert card.training["recipe_file"] == told.sha256
    lean = replace(asked[0], recipe=replace(asked[0].recipe, head="lean"))
    assert "learning_rate" not in train(lean).training  # it is solved, not stepped


def test_a_training_sees_the_region_that_use_will_see(tmp_path):
    model, outliner = region_models()
    pixels = np.full((100, 120), 40, np.uint8)
    pixels[20:60, 30:70] = np.linspace(200, 250, 40)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    recipe = ClassifierRecipe(
        copies=1, rule=model.card.intensity, region=model.card.region,
        arguments={"input_shape": [64, 64, 1]},
    )  # fmt: skip
    made = features._with_copies(Picture(tmp_path / "a.png", "a.png"), recipe, outliner)
    classify_with(model, read_image(tmp_path / "a.png"), outliner)
    assert made.shape == (2, 64, 64, 1)
    assert np.array_equal(made[0], model.engine.seen[0][0])
    whole = replace(recipe, region=None)
    assert not np.array_equal(
        features._with_copies(Picture(tmp_path / "a.png", "a.png"), whole, None)[0], made[0]
    )
    assert recipe.of_features() != whole.of_features()


def test_a_region_is_that_of_an_installed_segmentation(tmp_path):
    text = CLASSIFIER.replace("clahe: 3", "clahe: 3, region: mr_segmentation, region_margin: 0.2")
    rule = classifier_job(file(tmp_path, text)).recipe.region
    assert rule == RegionRule(
        "mr_segmentation", ModelStore().load("mr_segmentation").card.sha256, 0.2
    )
    for name in ("nobody", "ct_fracture"):
        with pytest.raises(DataSetError, match=f"“{name}”"):
            classifier_job(file(tmp_path, text.replace("mr_segmentation", name)))


def test_what_is_left_out_reaches_both_jobs(tmp_path):
    text = CLASSIFIER.replace("clahe: 3", "clahe: 3, leave_out: [blurred]")
    assert classifier_job(file(tmp_path, text)).leave_out == ("blurred",)
    text = OUTLINES.replace("clahe: 0", "leave_out: [blurred, too_dark]")
    assert outline_job(file(tmp_path, text)).leave_out == ("blurred", "too_dark")


def rows(labels):
    targets = np.array(labels, float)[:, None]
    return Rows(None, np.arange(10, 10 + len(labels)), targets, np.array(labels))


def test_oversampling_repeats_the_rarer_class_and_drops_nothing():
    found = oversampled(rows([1, 0, 0, 0, 1, 0, 0]))
    assert sorted(found.index[found.targets[:, 0] == 1]) == [10, 10, 10, 14, 14]
    assert sorted(found.index[found.groups == 0]) == [11, 12, 13, 15, 16]
    assert oversampled(rows([1, 1])).index.tolist() == [10, 11]


def test_balance_decides_what_a_class_weighs():
    labels = np.array([[1.0], [0], [0], [0]])
    assert weights_of(labels, "classes", "none").tolist() == [[1], [1], [1], [1]]
    weighed = weights_of(labels, "classes", "weights")
    assert weighed[0] == pytest.approx(weighed[1:].sum())
    values = np.random.default_rng(0).normal(size=(40, 2)).astype(np.float32)
    rare = (np.arange(40) < 4).astype(np.int64)
    bias = {
        balance: logistic_head(values, rare, ClassifierRecipe(balance=balance)).get_weights()[1][0]
        for balance in ("weights", "none")
    }
    assert bias["none"] < bias["weights"] - 1


def test_the_learning_rate_is_the_stated_one():
    recipe = ClassifierRecipe(head="report", arguments={"hidden": 2}, learning_rate=0.02)
    assert float(stepped_head(recipe, (2, 2, 3)).optimizer.learning_rate) == pytest.approx(0.02)


def crops(tmp_path, text, count=12):
    recipe = outline_job(file(tmp_path, text)).recipe
    recipe = replace(recipe, input_px=64, crop=(64, 64), varies_contrast=False)
    pixels = np.tile(np.linspace(0, 250, 64), (64, 1)).astype(np.uint8)
    one = LabelledSlice("a", "p", pixels, np.zeros((64, 64), np.uint8))
    patches = OwnPatches([one], recipe, 2)
    return [patches.sample()[0][..., 0] for _ in range(count)]


def test_mirrored_crops_are_drawn_only_where_they_were_asked_for(tmp_path):
    def is_mirrored(crop):
        row = crop[32]
        seen = np.flatnonzero(row > 0.02)
        return row[seen[-5]] < row[seen[4]]  # the edge itself is mixed with what lies outside

    asked = [is_mirrored(crop) for crop in crops(tmp_path, OUTLINES)]
    assert any(asked)
    assert not all(asked)
    assert not any(map(is_mirrored, crops(tmp_path, OUTLINES.replace("true", "false"))))


def test_grey_values_change_within_the_stated_limits():
    image = np.full((40, 40), 0.5, np.float32)
    rng = np.random.default_rng(1)
    drawn = [augment.random_grey(image, augment.Exposure(0.2, 0.0, 0.0), rng) for _ in range(50)]
    means = np.array([one.mean() for one in drawn])
    assert 0.3 <= means.min() < 0.36
    assert 0.64 < means.max() <= 0.7
    assert max(one.std() for one in drawn) < 1e-6
    noisy = [augment.random_grey(image, augment.Exposure(0, 0, 0.1), rng).std() for _ in range(50)]
    assert 0.07 < max(noisy) < 0.11
    halves = np.where(np.arange(40) < 20, 0.3, 0.7).astype(np.float32)[None].repeat(40, 0)
    spans = [
        np.ptp(augment.random_grey(halves, augment.Exposure(0, 0.5, 0), rng)) for _ in range(50)
    ]
    assert 0.2 <= min(spans) < 0.25
    assert 0.55 < max(spans) <= 0.6001
