"""Two looks of a network of structures at MR slices."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from spinealign.domain.image import SpineImage
from spinealign.domain.model_card import IntensityRule
from spinealign.inference.engine import LoadedModel
from spinealign.lumbar import structures
from spinealign.lumbar.segmenting import segment_slice
from spinealign.predict import segment_with
from tests.cards import classifier_card

CLASSES = ("background", "body", "posterior elements", "sacrum", "disc", "canal")


class Threshold:
    """Says "body" wherever its input is bright."""

    name = "threshold"

    def __init__(self, classes: int = len(CLASSES)) -> None:
        self.seen: list[np.ndarray] = []
        self.classes = classes

    def run(self, batch, **others):
        self.seen.append(batch)
        logits = np.zeros((*batch.shape[:3], self.classes), np.float32)
        logits[..., 0] = 4
        logits[..., 1] = np.where(batch[..., 0] > 0.5, 8, 0)
        return {"logits": logits}


@pytest.fixture
def model():
    card = replace(
        classifier_card(CLASSES), task="segmentation", input_shape=(192, 192),
        intensity=IntensityRule(), positive_class=None, positive_output=None, threshold=None,
    )  # fmt: skip
    return LoadedModel(card, Threshold())


def column(height, shape=(400, 300)):
    """Return a picture of bodies of a height, wider than high, and their mask."""
    mask = np.zeros(shape, bool)
    for top in range(20, shape[0] - 20 - height, round(1.4 * height)):
        mask[top : top + height, 120 : 120 + round(1.26 * height)] = True
    return SpineImage(np.where(mask, 200, 20).astype(np.float32), 8, Path("a"), "0" * 64), mask


def dice(one, other):
    return 2 * (one & other).sum() / (one.sum() + other.sum())


@pytest.mark.parametrize("height", [20, 60])
def test_the_height_of_bodies_is_that_of_their_area(height):
    mask = column(height)[1]
    told = np.zeros((*mask.shape, len(CLASSES)), np.float32)
    told[..., 0], told[..., 1] = 0.5, mask
    bodies = structures.body_places(told, CLASSES)
    assert bodies.height_px == pytest.approx(height, rel=0.05)
    rows, cols = np.nonzero(mask)
    assert bodies.low.tolist() == [cols.min(), rows.min()]
    assert bodies.high.tolist() == [cols.max() + 1, rows.max() + 1]
    assert bodies.centres[0] == pytest.approx([120 + 0.63 * height, 20 + height / 2], abs=1)
    told[..., 1] = 0
    assert structures.body_places(told, CLASSES) is None


def test_small_bodies_are_seen_sharper_at_the_second_look(model):
    image, mask = column(18)
    coarse = structures.structures_on(model, image, is_sharp=False)
    sharp = structures.structures_on(model, image)
    assert (coarse.looks, sharp.looks > 1) == (1, True)
    masks = [structures.mask_of(s.probabilities, CLASSES)["body"] for s in (coarse, sharp)]
    assert dice(masks[1], mask) > max(dice(masks[0], mask), 0.97)
    assert sharp.probabilities.sum(axis=-1) == pytest.approx(1, abs=1e-3)


def test_bodies_that_are_large_enough_are_looked_at_once(model):
    image, _ = column(45, (192, 192))
    assert structures.structures_on(model, image).looks == 1


def test_a_segmentation_has_the_second_look_of_networks_that_learned_from_crops(model):
    image = column(18)[0]
    found = segment_slice(model, image)
    assert dict(found.classes) == dict(enumerate(CLASSES[1:], start=1))
    assert found.model == model.identity
    assert len(model.engine.seen) > 1
    sharp = structures.structures_on(model, image).probabilities
    assert dice(found.mask == 1, sharp.argmax(axis=-1) == 1) > 0.999
    assert found.confidence == pytest.approx(sharp.max(axis=-1), abs=0.5)


def test_networks_of_other_classes_are_asked_once(model):
    """They were not taught by close crops, whatever their classes are called."""
    other = LoadedModel(replace(model.card, classes=CLASSES[:5]), Threshold(5))
    image, _ = column(18)
    found = segment_slice(other, image)
    assert len(other.engine.seen) == 1
    assert found.mask.any()
    assert segment_with(other, image).mask.tolist() == found.mask.tolist()


def test_a_slice_without_bodies_is_looked_at_once(model):
    empty = SpineImage(np.zeros((80, 60), np.float32), 8, Path("a"), "0" * 64)
    answer = structures.structures_on(model, empty)
    assert answer.looks == 1
    assert not any(m.any() for m in structures.mask_of(answer.probabilities, CLASSES).values())


def test_a_long_column_takes_no_more_tiles_than_the_limit(model):
    image, _ = column(8, (900, 300))
    assert structures.structures_on(model, image).looks <= 1 + structures._MOST_TILES


def test_the_second_look_counts_inside_its_tiles_and_fades_at_their_borders():
    seen = structures._seen((400, 300), [(0, 20), (208, 60)], (192, 192))
    assert seen[100, 120] == 1
    assert seen[100, 5] == 0
    assert 0 < seen[100, 22] < 0.2
    assert seen[300, 150] == 1


def test_what_no_tile_sees_stays_as_the_first_look_saw_it(model):
    image, _ = column(18, (400, 900))
    first = structures.structures_on(model, image, is_sharp=False).probabilities
    both = structures.structures_on(model, image).probabilities
    np.testing.assert_array_equal(both[:, 700:], first[:, 700:])
    assert not np.array_equal(both[:, 100:180], first[:, 100:180])
