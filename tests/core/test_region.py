"""A classifier that sees the region around what another model outlines, in use as in training."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from spinealign.domain.errors import ModelError, ModelProblem
from spinealign.domain.image import SpineImage
from spinealign.domain.model_card import IntensityRule, LabelRule, ModelCard, RegionRule
from spinealign.inference.engine import LoadedModel
from spinealign.predict import box_around, classify_with, grade_with, label_with, region_model
from spinealign.training.own.looking import look_at
from spinealign.training.own.pictures import list_pictures
from spinealign.wording import explain
from spinealign.wording.training import failures_of, training_data_text
from tests.cards import classifier_card
from tests.own_data import grey_picture, two_classes

RULE = RegionRule("outliner", "a" * 64, 0.25)


class Bright:
    """Outlines what is bright."""

    name = "bright"

    def run(self, batch):
        is_bright = batch[0, ..., :1] > 0.6
        return {"logits": 9 * np.concatenate([~is_bright, is_bright], -1)[None].astype(np.float32)}


class Sees:
    """Answers always alike, keeps what it saw, and points at the upper left quarter."""

    name = "sees"

    def __init__(self):
        self.seen = []

    def run(self, batch):
        self.seen.append(batch)
        activation = np.zeros((1, 4, 4, 1), np.float32)
        activation[0, :2, :2] = 1
        return {"logit": np.array([[2.0]], np.float32), "activation_map": activation}


def models(region=RULE):
    grey = IntensityRule()
    outliner = replace(
        classifier_card(), name="outliner", sha256="a" * 64, task="segmentation", intensity=grey,
        classes=("background", "column"), positive_class=None, positive_output=None,
        threshold=None, input_shape=(100, 100),
    )  # fmt: skip
    card = replace(classifier_card(), region=region, intensity=grey, input_shape=(64, 64))
    return LoadedModel(card, Sees()), LoadedModel(outliner, Bright())


class Store:
    def __init__(self, *loaded):
        self._loaded = loaded

    def cards(self):
        return tuple(each.card for each in self._loaded)

    def load(self, name):
        return next(each for each in self._loaded if each.card.name == name)


def image(rows=slice(20, 60), columns=slice(30, 70)):
    pixels = np.full((100, 100), 40, np.float32)
    pixels[rows, columns] = 240
    return SpineImage(pixels, 8, None, None, None, Path("x.png"), "0" * 64)


def test_the_network_sees_the_box_and_the_map_lies_where_it_looked():
    model, outliner = models()
    found = classify_with(model, image(), outliner)
    # 40 by 40 pixels, wider by a quarter of that on each side: 10 to 70 and 20 to 80.
    (seen,) = model.engine.seen
    assert seen.shape == (1, 64, 64, 1)
    share = (seen > 0.5).mean()
    assert share == pytest.approx((40 / 60) ** 2, abs=0.04)
    assert found.heatmap.shape == (100, 100)
    rows, columns = np.nonzero(found.heatmap > 0.5)
    assert rows.min() == 10
    assert columns.min() == 20
    assert rows.max() <= 42
    assert columns.max() <= 52
    assert not found.heatmap[:10].any()
    assert not found.heatmap[:, 80:].any()


def test_where_nothing_is_outlined_the_whole_picture_is_seen():
    model, outliner = models()
    classify_with(model, image(slice(0, 0)), outliner)
    assert model.engine.seen[0].std() == pytest.approx(0, abs=1e-6)
    assert box_around(np.zeros((50, 40), bool), 0.1) == (slice(0, 50), slice(0, 40))
    speck = np.zeros((50, 40), bool)
    speck[3:10, 3:40] = True
    assert box_around(speck, 0.1) == (slice(0, 50), slice(0, 40))


def test_a_box_ends_at_the_picture():
    area = np.zeros((50, 60), bool)
    area[2:40, 20:58] = True
    assert box_around(area, 0.5) == (slice(0, 50), slice(1, 60))


@pytest.mark.parametrize("change", [{"name": "other"}, {"sha256": "b" * 64}])
def test_without_the_model_that_it_was_trained_with_it_does_not_answer(change):
    model, outliner = models()
    other = LoadedModel(replace(outliner.card, **change), outliner.engine)
    with pytest.raises(ModelError) as caught:
        region_model(model.card, Store(other))
    assert caught.value.problem is ModelProblem.OTHER_REGION
    assert "another model outlines (outliner)" in explain(caught.value).sentence
    with pytest.raises(ModelError):
        classify_with(model, image())
    assert region_model(model.card, Store(outliner)) is outliner
    assert region_model(replace(model.card, region=None), Store()) is None


def test_a_region_travels_in_the_card_and_is_for_classifiers():
    card = models()[0].card
    assert ModelCard.from_json(card.to_json()).region == RULE
    former = card.to_json()
    del former["region"]
    assert ModelCard.from_json(former).region is None
    wrong = {**models()[1].card.to_json(), "region": card.to_json()["region"]}
    with pytest.raises(ValueError, match="region"):
        ModelCard.from_json(wrong)


class Several(Sees):
    """As `Sees`, with two answers."""

    def run(self, batch):
        activation = super().run(batch)["activation_map"].repeat(2, axis=-1)
        return {"logits": np.array([[2.0, 1.0]], np.float32), "activation_map": activation}


@pytest.mark.parametrize(
    ("task", "ask", "changes"),
    [
        ("multi_label", label_with, {
            "classes": ("a", "b"),
            "label_rules": {"a": LabelRule(0.5, 0.5), "b": LabelRule(0.5, 0.5)},
        }),
        ("ordinal", grade_with, {"classes": ("low", "middle", "high")}),
    ],
    ids=["findings", "grades"],
)  # fmt: skip
def test_findings_and_grades_see_the_box_too(task, ask, changes):
    classifier, outliner = models()
    card = replace(
        classifier.card, task=task, positive_class=None, positive_output=None, threshold=None,
        **changes,
    )  # fmt: skip
    assert ModelCard.from_json(card.to_json()).region == RULE
    model = LoadedModel(card, Several())
    found = ask(model, image(), outliner)
    assert (model.engine.seen[0] > 0.5).mean() == pytest.approx((40 / 60) ** 2, abs=0.04)
    rows, columns = np.nonzero(found.heatmap > 0.5)
    assert (rows.min(), columns.min()) == (10, 20)
    with pytest.raises(ModelError):
        ask(model, image())


# Pictures that are left out for their quality


def test_pictures_that_the_program_warns_of_may_be_left_out(tmp_path):
    data = two_classes(tmp_path, patients=3, side=200)
    flat = grey_picture(0, True, 200).point(lambda value: 100 + value // 50)
    flat.save(data / "wide" / "flat.png")
    found = list_pictures(data)
    assert len(look_at(found).found.pictures) == 7
    looked = look_at(found, leave_out=("low_contrast", "blurred"))
    assert [each.name for each in looked.poor] == ["wide/flat.png"]
    assert "contrast" in looked.poor[0].reason
    assert looked.skipped == ()
    assert len(looked.found.pictures) == 6
    small = look_at(found, leave_out=("low_resolution",))
    assert small.poor == ()


def test_poor_pictures_are_not_broken_ones(tmp_path):
    found = list_pictures(two_classes(tmp_path, patients=3))  # 48 x 48
    assert len(look_at(found, 0.0, leave_out=("low_resolution",)).poor) == 6


def test_the_card_says_what_was_left_out():
    told = failures_of(True, True, "", True, "", ("blurred", "too_dark"))
    assert any("the program calls blurred or too dark were left out" in each for each in told)
    assert len(failures_of(True, True, "", True)) == len(told) - 1
    assert "3 pictures of poor quality left out." in training_data_text(
        "9 pictures", "", "", 0, "", True, 3
    )
