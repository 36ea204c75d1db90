"""How the view gate is taught and measured, on a handful of drawn pictures."""

from dataclasses import replace
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
    epochs=2, anchors_a_kind=2, draws_a_kind=8, own_draws=8, neck_draws=8, folds=2, cells=4,
)  # fmt: skip


def some_pictures() -> list[GatePicture]:
    rng = np.random.default_rng(0)
    drawn = [*gate_foreign.drawings(36, rng), *gate_foreign.drawn_radiographs(12, rng)]
    kinds = list(ImageKind)
    return [
        GatePicture(
            p.pixels, kinds[i % len(kinds)], f"source{i % 5}", f"group{i}", (0.2, 0.2, 0.8, 0.8)
        )
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
    folds = gate.folds_of_sources(seen.pictures, RECIPE)
    by_root = {}
    for picture, fold in zip(seen.pictures, folds, strict=True):
        by_root.setdefault(gate._root(picture), set()).add(int(fold))
    assert all(len(folds) == 1 for folds in by_root.values())
    probabilities, ood_distance = gate.cross_validate(seen, folds, RECIPE)
    assert probabilities.sum(axis=1) == pytest.approx(np.ones(len(seen.pictures)), rel=1e-4)
    assert (ood_distance > 0).all()


def test_figures_count_acceptance_of_our_own_and_refusal_of_foreign():
    own = GatePicture(np.zeros((4, 4), np.uint8), ImageKind.NECK_CT, "a", "a/1")
    foreign = GatePicture(own.pixels, ImageKind.OTHER_CT, "b", "b/1")
    kinds = list(ImageKind)
    p = np.full((4, len(kinds)), 0.01, np.float32)
    p[:, kinds.index(ImageKind.NECK_CT)] = 0.88
    rule = GateRule(0.5, 0.9, 5.0, ((0.0,),))
    away = np.array([1.0, 9.0, 1.0, 9.0], np.float32)
    found = gate_evaluate.figures([own, own, foreign, foreign], p, away, rule)
    assert found["own_kinds_accepted"]["value"] == 0.5
    wide = gate_evaluate.figures(
        [own, own, foreign, foreign], p, away, rule, np.full(4, 10.0, np.float32)
    )
    assert wide["own_kinds_accepted"]["value"] == 1.0
    assert wide["foreign_refused"]["value"] == 0.0
    assert found["foreign_refused"]["value"] == 0.5
    assert found["by_source"]["other_ct: b"]["images"] == 2
    matrix = np.array(found["confusion_matrix_before_refusal"])
    assert matrix[kinds.index(ImageKind.OTHER_CT), kinds.index(ImageKind.NECK_CT)] == 2


def a_picture(kind: ImageKind, group: str, is_made: bool = False) -> GatePicture:
    return GatePicture(np.zeros((4, 4), np.uint8), kind, group.split("/")[0], group, None, is_made)


def test_lateral_sources_are_left_out_whole_and_patients_of_frontal_films_together():
    groups = ["xray_lateral/1", "xray_lateral/2", "xray_lateral_unlabelled/1",
              "xray_lateral_neck/1", "xray_spine_lateral/1", "xray_spine_lateral/2",
              *(f"xray_spine_ap/{n}" for n in range(20)), "xray_spine_ap/3"]  # fmt: skip
    pictures = [a_picture(ImageKind.LATERAL_FILM, group) for group in groups]
    folds = gate.folds_of_sources(pictures, gate.GateRecipe())
    assert folds[0] == folds[1]
    assert folds[4] == folds[5]
    assert len(set(folds[[0, 2, 3, 4]].tolist())) == 4
    assert len(set(folds[6:26].tolist())) > 1
    assert folds[26] == folds[9]
    by_film = gate.folds_of_spine_films(pictures)
    assert by_film[4] != by_film[5]
    assert (by_film[[0, 2, 3, 6]] == -1).all()


def test_the_limit_of_a_picture_is_set_by_pictures_of_other_folds():
    pictures = [a_picture(ImageKind.NECK_CT, f"a/{n}") for n in range(4)]
    away = np.array([1.0, 1.0, 3.0, 3.0], np.float32)
    limits = gate.limits_of_others(pictures, away, np.array([0, 0, 1, 1]))
    assert limits == pytest.approx([3.3, 3.3, 1.1, 1.1])


def test_what_was_drawn_sets_no_limit():
    pictures = [a_picture(ImageKind.LATERAL_FILM, f"a/{n}", is_made=n > 1) for n in range(4)]
    away = np.array([1.0, 1.0, 9.0, 9.0], np.float32)
    limits = gate.limits_of_others(pictures, away, np.array([0, 1, 0, 1]))
    assert limits.max() < 2


def test_features_of_a_coarser_grid_are_those_that_the_network_computes():
    rng = np.random.default_rng(0)
    responses = rng.uniform(0, 50, (3, 8, 8, 5)).astype(np.float32)
    fine = np.sqrt(responses.reshape(3, 4, 2, 4, 2, 5).mean(axis=(2, 4))).reshape(3, -1)
    coarse = np.sqrt(responses.reshape(3, 2, 4, 2, 4, 5).mean(axis=(2, 4))).reshape(3, -1)
    assert np.allclose(gate.pooled(fine, 4, 2), coarse, rtol=1e-5)
    assert np.allclose(gate.pooled(fine, 4, 4), fine, rtol=1e-5)


def test_films_told_by_name_are_counted_apart_from_films_refused():
    oblique = a_picture(ImageKind.OBLIQUE_FILM, "other_films/1")
    p = np.full((2, len(ImageKind)), 0.01, np.float32)
    kinds = list(ImageKind)
    p[0, kinds.index(ImageKind.OBLIQUE_FILM)] = p[1, kinds.index(ImageKind.OTHER_RADIOGRAPH)] = 0.9
    rule = GateRule(0.5, 0.9, 5.0, ((0.0,),))
    found = gate_evaluate.figures([oblique, oblique], p, np.ones(2, np.float32), rule)
    assert found["foreign_refused"]["value"] == 1.0
    assert found["told_by_name"]["oblique_film: other_films"]["value"] == 0.5


def test_parts_of_frontal_films_are_judged_by_heads_that_saw_uncut_films_of_others():
    whole = [a_picture(ImageKind.FRONTAL_FILM, f"xray_spine_ap/{n}") for n in range(4)]
    parts = [replace(picture, source="xray_spine_ap_upper") for picture in whole]
    pictures = [*whole, *parts, a_picture(ImageKind.NECK_CT, "a/1")]
    folds = gate.folds_of_frontal_films(pictures)
    assert (folds[:4] == folds[4:8]).all()
    assert (folds[8], set(folds[:4].tolist())) == (-1, {0, 1})
    index = np.array([*range(9), 0, 8])
    seen = gate.GateSet(pictures, np.zeros((11, 3), np.float32), index, np.arange(11) >= 9)
    assert gate.of_frontal_parts(seen).tolist() == [False] * 4 + [True] * 4 + [False, True, False]
