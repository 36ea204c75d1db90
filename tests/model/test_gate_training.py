"""How the view gate is taught and measured, on a handful of drawn pictures."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("tensorflow")

from PIL import Image

from spinealign.domain.errors import DataSetError
from spinealign.domain.examination import ImageKind
from spinealign.domain.model_card import GateRule
from spinealign.training import gate, gate_evaluate, gate_foreign
from spinealign.training.gate_data import LONGEST_PX, GatePicture, load_foreign
from spinealign.training.gate_vary import vary

pytestmark = [pytest.mark.model, pytest.mark.train]
RECIPE = gate.GateRecipe(
    input_px=32, blocks=((1, 4), (1, 6)), grid=2, hidden=5, place_size=3, components=8,
    epochs=2, anchors_a_kind=2, draws_a_kind=8, own_draws=8, folds=2,
)  # fmt: skip


def some_pictures() -> list[GatePicture]:
    rng = np.random.default_rng(0)
    drawn = [*gate_foreign.drawings(36, rng), *gate_foreign.drawn_radiographs(12, rng)]
    kinds = list(ImageKind)
    return [
        GatePicture(p.pixels, kinds[i % 7], f"source{i % 5}", f"group{i}", (0.2, 0.2, 0.8, 0.8))
        for i, p in enumerate(drawn)
    ]


@pytest.fixture(scope="module")
def seen(tmp_path_factory) -> gate.GateSet:
    pictures = some_pictures()
    rng = np.random.default_rng(1)
    index = np.array([*range(len(pictures)), *rng.integers(0, len(pictures), 60)])
    features = rng.normal(1, 0.5, (len(index), 24)).astype(np.float32) ** 2
    return gate.GateSet(pictures, features, index, np.arange(len(index)) >= len(pictures))


@pytest.mark.parametrize("number", range(12))
def test_varied_pictures_fit_the_network(number):
    rng = np.random.default_rng(number)
    pictures = some_pictures()
    image = vary(pictures[number], 48, rng)
    assert image.shape == (48, 48)
    assert image.dtype == np.float32
    assert 0 <= image.min() <= image.max() <= 1


def test_foreign_folders_name_kind_and_source(tmp_path: Path):
    place = tmp_path / "other_radiograph" / "hospital"
    place.mkdir(parents=True)
    ramp = np.arange(600 * 400).reshape(600, 400) % 251
    Image.fromarray(ramp.astype(np.uint8)).save(place / "hand.png")
    (place / "notes.txt").write_text("no picture")
    (picture,) = load_foreign(tmp_path)
    assert (picture.kind, picture.source) == (ImageKind.OTHER_RADIOGRAPH, "hospital")
    assert picture.group == "hospital/hand.png"
    assert max(picture.pixels.shape) == LONGEST_PX


def test_a_folder_of_no_kind_is_refused(tmp_path: Path):
    (tmp_path / "cats" / "mine").mkdir(parents=True)
    with pytest.raises(DataSetError, match="cats"):
        load_foreign(tmp_path)


def test_the_head_answers_alike_alone_and_in_the_network(seen):
    head = gate.train_head(seen, np.ones(len(seen.index), bool), RECIPE)
    network = gate.networks.view_gate(**RECIPE.arguments())
    for name in ("hidden", "logits", "place"):
        network.get_layer(name).set_weights(list(getattr(head, name)))
    picture = gate._shown(seen.pictures[0], False, RECIPE, np.random.default_rng(0))[None]
    eyes = gate.keras.Model(network.input, network.get_layer("features").output)
    logits, place = (np.asarray(out) for out in network(picture))
    features = np.asarray(eyes(picture))
    shifted = np.exp(logits - logits.max())
    assert np.allclose(head.probabilities(features), shifted / shifted.sum(), atol=1e-5)
    away = np.linalg.norm(head.anchors - place, axis=1).min()
    assert head.ood_distance(features) == pytest.approx([away], rel=1e-4)


def test_every_picture_is_judged_by_a_head_that_did_not_know_its_group(seen):
    folds = gate._folds(seen.pictures, RECIPE)
    by_root = {}
    for picture, fold in zip(seen.pictures, folds, strict=True):
        by_root.setdefault(gate._root(picture), set()).add(int(fold))
    assert all(len(folds) == 1 for folds in by_root.values())
    probabilities, ood_distance = gate.cross_validate(seen, RECIPE)
    assert probabilities.sum(axis=1) == pytest.approx(np.ones(len(seen.pictures)), rel=1e-4)
    assert (ood_distance > 0).all()


def test_figures_count_acceptance_of_our_own_and_refusal_of_foreign():
    own = GatePicture(np.zeros((4, 4), np.uint8), ImageKind.NECK_CT, "a", "a/1")
    foreign = GatePicture(own.pixels, ImageKind.OTHER_CT, "b", "b/1")
    kinds = list(ImageKind)
    p = np.full((4, 7), 0.02, np.float32)
    p[:, kinds.index(ImageKind.NECK_CT)] = 0.88
    rule = GateRule(0.5, 0.9, 5.0, ((0.0,),))
    away = np.array([1.0, 9.0, 1.0, 9.0], np.float32)
    found = gate_evaluate.figures([own, own, foreign, foreign], p, away, rule)
    assert found["own_kinds_accepted"]["value"] == 0.5
    assert found["foreign_refused"]["value"] == 0.5
    assert found["by_source"]["other_ct: b"]["images"] == 2
    matrix = np.array(found["confusion_matrix_before_refusal"])
    assert matrix[kinds.index(ImageKind.OTHER_CT), kinds.index(ImageKind.NECK_CT)] == 2
